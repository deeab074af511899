# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class LogisticsMessageProblem(models.Model):
    """Something in a message that could not be understood or placed.

    The other facts of the message stand. Processing the message again replaces
    its problems, so what is open is always what is wrong today.
    """

    _name = "logistics.message.problem"
    _description = "Logistics Message Problem"
    _order = "id desc"
    _rec_name = "code"

    _open_idx = models.Index(
        "(connector_id, kind, code, reference_key) WHERE state = 'open'"
    )

    message_id = fields.Many2one(
        "logistics.message", required=True, index=True, ondelete="cascade"
    )
    connector_id = fields.Many2one("logistics.connector", required=True)
    company_id = fields.Many2one("res.company", required=True)
    kind = fields.Selection(
        [
            ("unmapped_code", "Unknown Code"),
            ("unknown_reference", "Unknown Number"),
            ("ambiguous_reference", "Ambiguous Number"),
            ("partner_error", "Partner Reports an Error"),
            ("no_data", "Partner Has No Data"),
            ("bad_value", "Unreadable Value"),
        ],
        required=True,
        readonly=True,
    )
    code = fields.Char(readonly=True)
    text = fields.Char(readonly=True)
    place = fields.Char(readonly=True, help="Where in the message.")
    reference = fields.Char(readonly=True)
    reference_type = fields.Char(readonly=True)
    reference_key = fields.Char(readonly=True)
    state = fields.Selection(
        [("open", "Open"), ("solved", "Solved")], default="open", required=True
    )

    def _solve(self):
        """Close problems and, where none is left, their exceptions."""
        self.write({"state": "solved"})
        self._settle()

    def _settle(self):
        """Resolve the exceptions of problems that nobody has any more."""
        self.flush_model()
        seen = set()
        for problem in self:
            key = problem._exception_key()
            if not key or (problem.connector_id, problem.kind, *key.items()) in seen:
                continue
            seen.add((problem.connector_id, problem.kind, *key.items()))
            value = next(iter(key.values()))
            field = "code" if problem.kind == "unmapped_code" else "reference_key"
            if not self.search_count(
                [
                    ("connector_id", "=", problem.connector_id.id),
                    ("kind", "=", problem.kind),
                    (field, "=", value),
                    ("state", "=", "open"),
                ],
                limit=1,
            ):
                problem.connector_id._resolve_exception(problem.kind, **key)

    def _exception_key(self):
        """Return what tells one condition of this kind from another."""
        self.ensure_one()
        if self.kind == "unmapped_code":
            return {"partner_code": self.code}
        if self.kind in ("unknown_reference", "ambiguous_reference"):
            return {"reference_key": self.reference_key}
        return {}

    @api.model
    def _raise_for(self, problems):
        """Raise one exception for each condition the new problems show."""
        seen = set()
        for problem in problems:
            key = problem._exception_key()
            mark = (problem.connector_id.id, problem.kind, tuple(key.items()))
            if not key or mark in seen:
                continue
            seen.add(mark)
            evidence = dict(key, message=problem.message_id)
            if problem.kind == "unmapped_code":
                evidence["partner_text"] = problem.text
                evidence["text"] = self.env._(
                    "%(connector)s sent the code %(code)s (%(text)s), which nobody "
                    "has mapped. Say what it means, and the messages with it are "
                    "processed again.",
                    connector=problem.connector_id.name,
                    code=problem.code,
                    text=problem.text or "-",
                )
            elif problem.kind == "unknown_reference":
                evidence["reference"] = problem.reference
                evidence["text"] = self.env._(
                    "%(connector)s reports on %(reference)s, which no shipment "
                    "knows. The message is applied as soon as one does.",
                    connector=problem.connector_id.name,
                    reference=problem.reference,
                )
            else:
                evidence["reference"] = problem.reference
                evidence["text"] = self.env._(
                    "%(connector)s reports on %(reference)s, which several "
                    "shipments carry. Choose the one it is about.",
                    connector=problem.connector_id.name,
                    reference=problem.reference,
                )
            problem.connector_id._raise_exception(problem.kind, **evidence)
