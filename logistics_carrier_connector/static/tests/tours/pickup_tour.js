import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("logistics_pickup", {
    steps: () => [
        {
            content: "Plan a pickup",
            trigger: ".o-kanban-button-new, .o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='carrier_id'] input",
            run: "click",
        },
        {
            content: "Choose the method on the phone",
            trigger: ".o_kanban_record:contains('Ground'), .dropdown-item:contains('Ground')",
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
            content: "Ask the carrier to come",
            trigger: "button[name='action_request']",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains('Requesting')",
        },
    ],
});
