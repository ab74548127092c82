// Package words is what text commands and pages have in common: how people type times, switches and settings, and how these
// and refusals are shown to them.
package words
