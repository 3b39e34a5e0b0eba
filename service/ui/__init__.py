"""The frame of the pages: languages, formats, words, navigation, base templates. It knows no slice."""
