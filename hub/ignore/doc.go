// Package ignore resolves an app's ignore rules: which fields of which of its objects are left to others. What Flux
// says by targets and JSON pointers, Argo CD by path expressions of jq, and an App by either and by CEL, becomes a list
// of exact objects with exact pointers, so that an agent need know none of these languages.
//
// It reads nothing but the rules and the rendered objects, so the result may be remembered with the render. Rules are
// written by everyone who may write to the repository: expressions are bounded in what they may call, in time and in
// what they may give.
//
// It may import hub/model, fleet, protocol, gojq and cel-go; never another package below hub.
package ignore
