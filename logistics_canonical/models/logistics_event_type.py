# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models, tools

from ..core import vocabulary


class LogisticsEventType(models.Model):
    """The canonical vocabulary, as rows people can search and translate.

    The vocabulary itself is ``core/vocabulary.py``; this table follows it at
    each installation and update.
    """

    _name = "logistics.event.type"
    _description = "Logistics Event Type"
    _order = "sequence, id"

    _code_uniq = models.Constraint("UNIQUE(code)", "An event type code exists once.")

    code = fields.Char(required=True, readonly=True)
    name = fields.Char(required=True, translate=True)
    description = fields.Text(translate=True)
    sequence = fields.Integer(readonly=True)
    milestone = fields.Char(readonly=True, help="The milestone it reaches, if any.")
    outcome = fields.Char(readonly=True, help="The outcome it sets, if any.")
    sets_flags = fields.Char(readonly=True, help="The flags it sets.")
    is_problem = fields.Boolean(
        string="Problem", readonly=True, help="A person should look at it."
    )

    @api.model
    def _sync_vocabulary(self):
        """Make the table equal to the vocabulary; keep translated names."""
        known = {event_type.code: event_type for event_type in self.search([])}
        to_create = []
        for sequence, spec in enumerate(vocabulary.EVENT_TYPES.values()):
            vals = {
                "sequence": sequence,
                "milestone": spec.milestone,
                "outcome": spec.outcome,
                "sets_flags": ", ".join(sorted(spec.sets)),
                "is_problem": spec.problem,
            }
            if spec.code in known:
                known[spec.code].write(vals)
            else:
                to_create.append(
                    dict(
                        vals,
                        code=spec.code,
                        name=spec.name,
                        description=spec.description,
                    )
                )
        self.create(to_create)
        self.env.registry.clear_cache()

    @api.model
    @tools.ormcache()
    def _ids_by_code(self):
        """Return a dict of event type code to id."""
        return {event_type.code: event_type.id for event_type in self.search([])}
