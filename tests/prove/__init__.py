"""The proofs of ``docs/guarantees.md`` in full size: ``make prove``. Each has a quick size among the tests."""
