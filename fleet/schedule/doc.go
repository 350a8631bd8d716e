// Package schedule has cron schedules and the windows of time that they open. It is pure: the time is an argument, and
// a time zone is a *time.Location that its caller has loaded.
//
// It may import the standard library.
package schedule
