package pipe

import (
	"errors"
	"strings"
)

// Split splits a command into words as a POSIX shell would, without doing anything else that a shell does: blanks separate;
// between ' everything is literal; between " only \" and \\ are special; elsewhere \ takes the next character as it is.
// Quotes and escapes that are not ended are errors.
func Split(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote byte // ' or ", or 0 outside of quotes
	started := false
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case quote == '\'':
			if c == quote {
				quote = 0
				continue
			}
			word.WriteByte(c)
		case c == '\\':
			if i++; i == len(command) {
				return nil, errors.New(`there is nothing after the last \`)
			}
			if next := command[i]; quote == '"' && next != '"' && next != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(command[i])
			started = true
		case quote == '"':
			if c == quote {
				quote = 0
				continue
			}
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, started = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
