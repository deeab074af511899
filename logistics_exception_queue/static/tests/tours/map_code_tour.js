import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_map_code", {
    steps: () => [
        {
            content: "Open the exception of the unknown code",
            trigger: ".o_data_row:contains('Unknown Code') td[name='name']",
            run: "click",
        },
        {
            content: "Say what it means",
            trigger: ".o_field_widget[name='map_event_type_id'] input",
            run: "edit Delivered Damaged",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains('Delivered Damaged')",
            run: "click",
        },
        {
            content: "Map it and process its messages again",
            trigger: "button[name='action_map_code']",
            run: "click",
        },
        {
            trigger: ".o_notification:contains('Processing again')",
        },
    ],
});
