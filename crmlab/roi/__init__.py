"""What the CRM programme returns: cash flows, present values, simulation, scenarios, decision."""
