import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_decide", {
    steps: () => [
        {
            content: "The outbox shows what nobody knows the outcome of",
            trigger: ".o_data_row:contains('Unknown') td[name='connector_id']",
            run: "click",
        },
        {
            content: "Say what became of it",
            trigger: "button[name='action_decide']",
            run: "click",
        },
        {
            trigger: ".modal .o_radio_item:contains('carried it out') input",
            run: "click",
        },
        {
            content: "It says what it costs to be wrong",
            trigger:
                ".modal .o_field_widget[name='if_wrong']:contains('the parcel has no label')",
        },
        {
            trigger: ".modal .o_field_widget[name='number'] input",
            run: "edit PC777777",
        },
        {
            trigger: ".modal .o_field_widget[name='note'] input",
            run: "edit Seen in the carrier's portal",
        },
        {
            trigger: ".modal button[name='action_decide']",
            run: "click",
        },
        {
            trigger:
                "body:not(:has(.modal)) .o_arrow_button_current:contains('Done'), body:not(:has(.modal)) .o_statusbar_status:contains('Done') .o_arrow_button_current",
        },
    ],
});
