package groupdv1

import _ "embed"

// dictionary1 is the preset dictionary of codec DEFLATE_DICTIONARY_1: UTF-8 text, pieces of short chat lines in many languages, the
// likeliest at the end, where DEFLATE reaches them with the shortest distances. It never changes; a better one gets a number and a
// codec of its own.
//
//go:embed dictionary1.txt
var dictionary1 string

// Dictionary1 returns a copy of the preset dictionary of codec DEFLATE_DICTIONARY_1, as published in dictionary1.txt.
func Dictionary1() []byte { return []byte(dictionary1) }
