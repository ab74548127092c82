// Package moderation holds the rules of a group: who may do what to whom, and why not.
//
// Everything here is a pure function of facts and time. Nothing is stored, nothing is sent, no clock is read, and only
// the standard library is imported. A caller collects Facts, asks Decide, and acts on the Verdict; its text may be shown
// to people as it is. A rule that only one face of the server knows is a bug: it belongs here.
package moderation
