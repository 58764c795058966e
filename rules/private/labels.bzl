"""Labels as users write them."""

def shown(label):
    """A label of this workspace without the name of its repository.

    Args:
        label: Label

    Returns:
        string
    """
    return str(label) if label.repo_name else str(label).lstrip("@")
