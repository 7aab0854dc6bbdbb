"""From trees to typed values: one module for each thing staff can write."""
