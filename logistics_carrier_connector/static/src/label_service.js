/* Copyright 2026 Logistics Suite contributors
 * License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl). */
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {rpcBus} from "@web/core/network/rpc";

/**
 * Show labels for printing. A PDF opens in a tab of its own, where the browser
 * prints it; what a label printer reads is downloaded.
 *
 * @param {Number[]} labelIds attachments
 */
export function openLabels(labelIds) {
    for (const id of labelIds) {
        browser.open(`/web/content/${id}?download=false`, "_blank");
    }
}

/** Transfers (ids) a dialog waits for: it tells what becomes of them itself. */
export const awaited = new Set();

registry.category("actions").add("logistics_print_labels", async (env, action) => {
    openLabels(action.params.label_ids);
    return {type: "ir.actions.act_window_close"};
});

/** Tells whoever validated a transfer what became of its booking. */
export const logisticsLabelService = {
    dependencies: ["bus_service", "notification", "action"],
    start(env, {bus_service, notification, action}) {
        const tell = (message) => {
            const show = {
                name: _t("Show"),
                onClick: () =>
                    action.doAction({
                        type: "ir.actions.act_window",
                        res_model: "stock.picking",
                        res_id: message.picking_id,
                        views: [[false, "form"]],
                    }),
            };
            const buttons = message.picking_id ? [show] : [];
            if (message.event === "labels") {
                if (message.open_labels) {
                    openLabels(message.label_ids);
                }
                notification.add(_t("%s: the label is here.", message.name), {
                    type: "success",
                    // Whoever packs looks up from the parcel first.
                    autocloseDelay: 15000,
                    buttons: [
                        {
                            name: _t("Print"),
                            primary: true,
                            onClick: () => openLabels(message.label_ids),
                        },
                        ...buttons,
                    ],
                });
            } else if (message.event === "failed") {
                notification.add(
                    _t("%(name)s was not booked: %(text)s", message),
                    {type: "danger", sticky: true, buttons}
                );
            } else if (message.event === "void_failed") {
                notification.add(
                    _t("%(name)s could not be cancelled: %(text)s", message),
                    {type: "danger", sticky: true, buttons}
                );
            } else if (message.event === "cancelled") {
                notification.add(_t("The booking of %s was cancelled.", message.name), {
                    type: "info",
                    buttons,
                });
            }
        };
        bus_service.subscribe("logistics_booking", (message) => {
            if (!awaited.has(message.picking_id)) {
                tell(message);
            }
            // What was read before the news is not shown again as if it were current.
            rpcBus.trigger("CLEAR-CACHES", [
                "web_read",
                "web_search_read",
                "web_read_group",
            ]);
            env.bus.trigger("LOGISTICS:BOOKING", message);
        });
        bus_service.start();
    },
};

registry.category("services").add("logistics_label", logisticsLabelService);
