// Package audit is the journal of decisions: who decided what, when, from where and why, and which rule allowed each
// release. Its entries are a chain: each has the hash of the one before, so that none can be changed, removed or put in
// between unnoticed. What is exported ends with a seal, in which the hub signs where the chain begins and ends.
//
// Only so much is kept: the oldest entries are cut off, and an anchor has the hash of the last of them.
//
// It may import hub/people.
package audit
