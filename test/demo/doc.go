// Package demo tells the story of Drover on real parts, and checks every word of it: control planes, a hub and an agent for
// each cluster, all of them processes of their own, and a Git repository that is changed before the reader's eyes. What it
// says to have happened was seen at the API servers; what the hub says about it comes from the drover command, so that the
// reader can ask the same.
//
// Run is the frame: it plays the acts of the story one after the other, cleans up after them, and tells what was
// expected and what was seen where one goes wrong. It may import testenv, and nothing of the product, whose programs it
// runs as people do.
package demo
