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

    def _logistics_apply(self, operation, result):
        """Take over what a partner answered to a message this record sent.

        :param str operation: the operation, e.g. ``track``
        :param result: :class:`~..core.adapter.Result`
        """
