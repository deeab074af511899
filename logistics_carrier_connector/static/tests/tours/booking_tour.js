import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {rpc} from "@web/core/network/rpc";

const tours = registry.category("web_tour.tours");

const openAdditionalInfo = {
    content: "What the carrier said is with the other shipping information",
    trigger: ".o_notebook .nav-link:contains('Additional Info')",
    run: "click",
};

/** Note which labels would have been opened, instead of opening them. */
const catchLabels = {
    trigger: ".o_form_view",
    run() {
        browser.open = (url) => {
            document.body.dataset.opened = url;
        };
    },
};

tours.add("logistics_book_at_the_desk", {
    steps: () => [
        catchLabels,
        {
            content: "Validate the delivery",
            trigger: "button[name='button_validate']",
            run: "click",
        },
        {
            content: "The desk waits for the label",
            trigger: ".o_logistics_label_wait:contains('is asked for the label')",
        },
        {
            content: "It opens by itself, and the transfer shows that it is booked",
            trigger:
                ".o-form-buttonbox:contains('Booked'), .oe_stat_button:contains('Booked')",
        },
        {
            trigger: "body[data-opened*='/web/content/']",
            run: () => delete document.body.dataset.opened,
        },
        openAdditionalInfo,
        {
            content: "The number is there",
            trigger: ".o_field_widget[name='carrier_tracking_ref'] input",
            run({anchor}) {
                if (anchor.value !== "PC000001") {
                    throw new Error(`The number is ${anchor.value}`);
                }
            },
        },
        {
            content: "Print it again",
            trigger: "button[name='action_logistics_print']",
            run: "click",
        },
        {
            trigger: "body[data-opened*='/web/content/']",
        },
        {
            content: "Cancel the booking",
            trigger: "button[name='cancel_shipment']",
            run: "click",
        },
        {
            trigger: ".modal-footer button:contains('Ok')",
            run: "click",
        },
        {
            trigger:
                ".o_field_widget[name='logistics_booking_state']:contains('Cancelling')",
        },
    ],
});

tours.add("logistics_booking_news", {
    steps: () => [
        openAdditionalInfo,
        {
            content: "It is being booked",
            trigger:
                ".tab-pane .o_field_widget[name='logistics_booking_state']:contains('Booking…')",
            async run() {
                const id = Number(browser.location.pathname.split("/").pop());
                const model = "stock.picking";
                const method = "logistics_booking_progress";
                // The carrier answers meanwhile. In a test nothing is committed, so
                // nothing comes over the bus; this is what would have come.
                await rpc(`/web/dataset/call_kw/${model}/${method}`, {
                    model,
                    method,
                    args: [[id]],
                    kwargs: {},
                });
                odoo.__WOWL_DEBUG__.root.env.bus.trigger("LOGISTICS:BOOKING", {
                    picking_id: id,
                });
            },
        },
        {
            content: "The open transfer shows it without being opened again",
            trigger:
                ".tab-pane .o_field_widget[name='logistics_booking_state']:contains('Booked')",
        },
        {
            trigger: "button[name='action_logistics_print']",
        },
    ],
});

tours.add("logistics_book_on_the_phone", {
    steps: () => [
        catchLabels,
        {
            content: "Validate the delivery",
            trigger: "button[name='button_validate']",
            run: "click",
        },
        {
            content: "What the carrier said is where a phone shows it",
            trigger: ".o_logistics_label_wait:contains('The street is not known')",
        },
        {
            trigger: ".modal-footer button:contains('Close')",
            run: "click",
        },
        {
            content: "The refusal stays on the transfer",
            trigger: ".alert-danger:contains('The street is not known'):visible",
        },
        {
            content: "The button a phone shows is the one that books again",
            trigger: ".o_statusbar_buttons > button[name='action_logistics_book']",
            run: "click",
        },
        {
            trigger: "body[data-opened*='/web/content/']",
        },
        {
            content: "It printed, and can again",
            trigger: ".o_statusbar_buttons > button[name='action_logistics_print']",
        },
    ],
});
