import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_pickup", {
    steps: () => [
        {
            content: "Plan a pickup",
            trigger: ".o-kanban-button-new",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='carrier_id'] input",
            run: "click",
        },
        {
            content: "Choose the method on the phone",
            trigger: ".o_kanban_record:contains('Ground')",
            run: "click",
        },
        {
            content: "Nothing is wider than the screen",
            trigger: ".o_form_view .o_field_widget[name='ready_at']",
            run() {
                const over =
                    document.documentElement.scrollWidth - window.innerWidth;
                if (over > 0) {
                    throw new Error(`The form is ${over} pixels too wide`);
                }
            },
        },
        {
            content: "What is booked shall be collected; a phone folds this button",
            trigger: ".o_statusbar_buttons button[title='More']",
            run: "click",
        },
        {
            trigger: ".dropdown-item button[name='action_collect']",
            run: "click",
        },
        {
            content: "The booked parcel is listed",
            trigger: ".o_field_widget[name='booking_ids']:contains('WH/OUT')",
        },
        {
            content: "Ask the carrier to come",
            trigger: "button[name='action_request']",
            run: "click",
        },
        {
            trigger: ".o_statusbar_status button:contains('Requesting'):visible",
        },
    ],
});
