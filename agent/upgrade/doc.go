// Package upgrade has an agent run the image that its bundles ask for. The decisions are pure functions of what a
// DaemonSet says (RolloutState) and a few facts; a Keeper makes them for the leader, a Trial for a new version.
//
// It may import agent, protocol and internal; never the packages beside it.
package upgrade
