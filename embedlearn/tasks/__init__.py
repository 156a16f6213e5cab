"""What the commands do: from what their flags name to what they write."""
