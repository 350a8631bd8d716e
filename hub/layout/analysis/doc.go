// Package analysis has the AnalysisTemplates and ClusterAnalysisTemplates of Argo Rollouts be gates of RolloutPolicies:
// it takes a policy whose gates name templates, and gives it with the questions of these templates in their place. What
// of a template cannot be kept with the same meaning is an error.
//
// It may import document, cel and kyaml.
package analysis
