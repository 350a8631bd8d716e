// Package webhook reads what servers of Git repositories send when a commit is pushed: GitHub, GitLab, Gitea and
// Forgejo, Bitbucket Cloud and Server, Azure DevOps, and a form of Drover's own. Each request is checked against the
// secrets first, and says then which repository to look at. It is a hint, and never data: what is there now is asked
// of the repository itself, so that a request that is repeated, late or made up by a holder of the secret costs one
// fetch.
//
// It is pure, and may import hub/project and the standard library.
package webhook
