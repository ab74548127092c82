package onlink

// Links is how many links are remembered.
func (f *Files) Links() int { return len(f.each) }
