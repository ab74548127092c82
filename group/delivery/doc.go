// Package delivery tells members what is new: it decides who is sent something, when, and over which interface, and keeps
// count of the airtime. It knows no radio and no wire form. An [Air] tells it the interfaces and ways, and [Courier]s, one
// for each mode, make and carry the [Parcel]s.
//
// One goroutine, in [Scheduler.Run], owns pure tables that take the time as an argument. Per member there is one small
// ticket, whatever is written in the group: what he misses is read when it is his turn, and becomes one parcel.
package delivery
