import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

tours.add("logistics_mend_booking", {
    steps: () => [
        {
            content: "Open the exception of the booking that was refused",
            trigger: ".o_data_row:contains('Not Booked') td[name='name']",
            run: "click",
        },
        {
            content: "It says what the carrier said",
            trigger: ".alert:contains('The street is not known')",
        },
        {
            content: "Go to what is wrong",
            trigger: "button[name='action_open_record']",
            run: "click",
        },
        {
            content: "The transfer says it, too",
            trigger: ".alert-danger:contains('The street is not known'):visible",
        },
        {
            content: "Open the address",
            trigger: ".o_field_widget[name='partner_id'] a:contains('Ada Customer')",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='street'] input",
            run: "edit 2 Main Street",
        },
        {
            content: "Go back to the exception; the address is saved",
            trigger: ".o_breadcrumb a:contains('Not Booked')",
            run: "click",
        },
        {
            trigger: "button[name='action_mend']",
            run: "click",
        },
        {
            trigger: ".o_notification:contains('Tried again')",
        },
    ],
});

tours.add("logistics_mend_void", {
    steps: () => [
        {
            content: "Open the exception of the booking that is still charged",
            trigger: ".o_kanban_record:contains('Not Cancelled')",
            run: "click",
        },
        {
            trigger: ".alert:contains('Try after six')",
        },
        {
            content: "What mends it is the button a phone shows",
            trigger: ".o_statusbar_buttons > button[name='action_mend']:contains('Cancel Again')",
            run: "click",
        },
        {
            trigger: ".o_notification:contains('Tried again')",
        },
    ],
});
