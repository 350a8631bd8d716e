// Package resolve turns a revision into what each cluster is to run. It reads the cluster's folder, renders its apps
// and those that their renders declare (expansion), replaces variables, composes sources, and decides which app an
// object belongs to.
//
// Every outcome is remembered by what was asked and what was read (memo, Recorder), so that a revision costs what it
// changed. Charts and folders are rendered in the background, and what has not finished is pending (renders). Nothing
// here publishes: the loop (package hub) asks for a Resolution and decides.
//
// It may import hub/model, hub/memtree, fleet and protocol; never the loop, hub/fetch or an adapter.
package resolve
