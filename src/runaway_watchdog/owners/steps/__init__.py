"""Steps that several kinds of owners propose."""
