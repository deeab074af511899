/* Copyright 2026 Logistics Suite contributors
 * License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl). */
import {FormController} from "@web/views/form/form_controller";
import {KanbanController} from "@web/views/kanban/kanban_controller";
import {ListController} from "@web/views/list/list_controller";
import {patch} from "@web/core/utils/patch";
import {useBus} from "@web/core/utils/hooks";

/** Which record of a model news of a booking are about. */
const ABOUT = {"stock.picking": "picking_id", "logistics.booking": "booking_id"};

/**
 * Read the record the news are about again, where it is shown. What somebody is
 * typing into is left alone.
 *
 * @param {Object} model of the view
 * @param {Number} resId
 */
async function readAgain(model, resId) {
    const record = (model.root.records || [model.root]).find(
        (shown) => shown.resId === resId
    );
    if (record && !(await record.isDirty())) {
        await record.load();
    }
}

for (const Controller of [FormController, KanbanController, ListController]) {
    patch(Controller.prototype, {
        setup() {
            super.setup(...arguments);
            const field = ABOUT[this.props.resModel];
            if (field) {
                useBus(this.env.bus, "LOGISTICS:BOOKING", ({detail}) =>
                    readAgain(this.model, detail[field])
                );
            }
        },
    });
}
