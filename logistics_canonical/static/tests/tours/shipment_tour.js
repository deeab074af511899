import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_shipment", {
    steps: () => [
        {
            content: "Open the shipment",
            trigger: ".o_data_row:contains('TOUR1') td[name='name'], .o_kanban_record:contains('TOUR1')",
            run: "click",
        },
        {
            content: "Its timeline tells the partner's words",
            trigger: ".o_field_widget[name='event_ids']:contains('Left at the door')",
        },
        {
            content: "Look at its parcels",
            trigger: "a[name='parcels']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='parcel_ids']:contains('TOUR1')",
        },
    ],
});
