/* Copyright 2026 Logistics Suite contributors
 * License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl). */
import {Component, onWillStart, onWillUnmount, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {Dialog} from "@web/core/dialog/dialog";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {awaited, openLabels} from "./label_service";

const PAUSE = 500;
/** Within which time the bus tells what was seen here. */
const BUS_DELAY = 3000;

/** Waits at the desk for labels, so long and no longer. */
export class LabelWaitDialog extends Component {
    static template = "logistics_carrier_connector.LabelWaitDialog";
    static components = {Dialog};
    static props = {pickingIds: Array, seconds: Number, close: Function};

    setup() {
        this.orm = useService("orm");
        this.state = useState({
            left: this.props.seconds,
            isOver: false,
            failed: [],
            labelIds: [],
        });
        this.ends = Date.now() + this.props.seconds * 1000;
        this.props.pickingIds.forEach((id) => awaited.add(id));
        onWillStart(() => this.look());
        onWillUnmount(() => {
            browser.clearTimeout(this.timer);
            this.stopTelling(0);
        });
    }

    /**
     * Leave the news to the notifications.
     *
     * @param {Number} delay in ms
     */
    stopTelling(delay) {
        if (!this.hasStopped) {
            this.hasStopped = true;
            browser.setTimeout(
                () => this.props.pickingIds.forEach((id) => awaited.delete(id)),
                delay
            );
        }
    }

    get title() {
        return _t("Waiting for the label");
    }

    async look() {
        const progress = await this.orm.call(
            "stock.picking",
            "logistics_booking_progress",
            [this.props.pickingIds]
        );
        this.state.failed = progress.failed;
        this.state.labelIds = progress.label_ids;
        this.state.left = Math.max(0, Math.ceil((this.ends - Date.now()) / 1000));
        if (!progress.open) {
            this.stopTelling(BUS_DELAY);
        } else if (!this.state.left) {
            this.stopTelling(0);
        }
        if (!progress.open && !progress.failed.length) {
            openLabels(progress.label_ids);
            this.props.close();
        } else if (!progress.open || !this.state.left) {
            this.state.isOver = true;
        } else {
            this.timer = browser.setTimeout(() => this.look(), PAUSE);
        }
    }

    print() {
        openLabels(this.state.labelIds);
        this.props.close();
    }
}

/** Opens the dialog, and reloads the transfer when it is over. */
async function waitForLabels(env, action) {
    await new Promise((resolve) => {
        env.services.dialog.add(
            LabelWaitDialog,
            {
                pickingIds: action.params.picking_ids,
                seconds: action.params.seconds,
            },
            {onClose: resolve}
        );
    });
    return {type: "ir.actions.client", tag: "soft_reload"};
}

registry.category("actions").add("logistics_wait_for_labels", waitForLabels);
