import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_compare_carriers", {
    steps: () => [
        {
            content: "Add shipping to the quotation",
            trigger: "button:contains('Add shipping')",
            run: "click",
        },
        {
            content: "Compare before anything is chosen",
            trigger: ".modal button[name='action_logistics_compare']",
            run: "click",
        },
        {
            content: "The cheapest is proposed, and it says so",
            trigger:
                ".modal .o_field_widget[name='logistics_reason']:contains('The cheapest of 2 offers')",
        },
        {
            content: "What the other one costs is shown as well",
            trigger:
                ".modal .o_field_widget[name='logistics_choice_ids'] .o_data_row:contains('Air'):contains('19.00')",
        },
        {
            content: "Add it",
            trigger: ".modal button[name='button_confirm']",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_data_row:contains('Shipping')",
        },
    ],
});
