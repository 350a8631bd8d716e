// Package cel compiles expressions: those that agents evaluate, which fleet/expr takes apart, and those over clusters,
// which select the clusters that an App is for.
//
// It may import fleet, fleet/expr, protocol and cel-go.
package cel
