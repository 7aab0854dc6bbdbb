"""What all pages share: how they are made, who may see them, and how they stay up to date."""
