// Package config reads Reticulum's own configuration file, so that one file serves every program of the ecosystem.
//
// Parse reads the text form (nested sections of key = value lines; spec 3 §5.2) and Read gives the options typed, with
// defaults (spec 3 §5.3–5.5). What is wrong is reported with its line: text that has no meaning and values that do
// not convert are errors, as in the reference; sections, options, words and interface types that are not known are
// warnings, so that files of newer versions can be read. Values are never repeated in messages where they may be secret.
//
// The package reads no files and imports nothing of ours. Modes are words: interfaces.ParseMode reads them.
package config
