# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo import models

audit = logging.getLogger("odoo.addons.logistics_canonical.audit")


class LogisticsOwnerMixin(models.AbstractModel):
    """A record that messages act on and that can need a person.

    This addon only notes in the chatter that something is wrong. An addon that
    manages exceptions overrides the two hooks, so nothing below it has to know
    whether one is installed.
    """

    _name = "logistics.owner.mixin"
    _description = "Logistics Message Owner"

    def _raise_exception(self, code, **evidence):
        """Say that this record needs a person.

        Calling it again for a condition that is already known is harmless.

        :param str code: what is wrong, e.g. ``message_dead``
        :param evidence: what a person needs to see; ``text`` is a sentence,
            the other keys depend on the code
        """
        self.ensure_one()
        audit.info("exception %s %s raised", code, self.display_name)
        if evidence.get("text") and hasattr(self, "_message_log"):
            self._message_log(body=evidence["text"])

    def _resolve_exception(self, code, **evidence):
        """Say that the condition ``code`` no longer holds for this record.

        :param str code: the code it was raised with
        :param evidence: the keys that tell one condition of this code from
            another, e.g. ``partner_code`` for an unmapped code
        """

    def _mend(self, code, reference_key=""):
        """Do what mends a condition of this record, because a person said so.

        Called by whoever shows the condition, as the user who pressed the button.

        :param str code: the code it was raised with
        :param str reference_key: as it was raised with, where one condition of this
            code is told from another by it
        :return: an action, True when something was done, None when this record has
            nothing that mends it
        """

    def _logistics_shipment(self):
        """Return the shipment this record is about, empty when there is none."""
        return self.env["logistics.shipment"]

    def _last_messages(self, *operations):
        """Return {record id: the last message it asked a partner with}.

        :param operations: the operations that count
        """
        messages = self.env["logistics.message"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("direction", "=", "out"),
                ("operation", "in", operations),
            ],
            order="id",
        )
        return {message.res_id: message for message in messages}

    def _logistics_payload(self, operation, payload):
        """Return what is to be asked now, when the message is about to leave.

        For what could not be known when the message was written: a cancellation
        names what the booking brought.

        :param dict payload: what the message was written with
        :return: (payload, "") to send it, or (None, why) when there is nothing left
            to do
        :raise CallError: when something is missing; the text is for a person
        """
        return payload, ""

    def _logistics_apply(self, operation, result):
        """Take over what a partner answered to a message this record sent.

        Called once the fate of the message is certain, with what the partner
        answered or, when a person decided, what they entered.

        :param str operation: the operation, e.g. ``track``
        :param result: :class:`~..core.adapter.Result`
        :return: True when this record dealt with a failure itself, so that nobody
            else needs to raise one
        :raise DisbelievedError: when the answer tells of something else than was
            asked (``logistics_outbox.py``)
        """

    def _logistics_choices(self, operation):
        """Say what each way out of an unknown outcome would mean and cost.

        :param str operation: the operation nobody knows the outcome of
        :return: (if it was done and we say it wasn't, if it wasn't and we say it was)
        """
        return (
            self.env._("If the partner did it after all, it is done twice."),
            self.env._("If the partner did not do it, it is never done."),
        )
