// Package input reads what the manifests of an app are completed with in the cluster: variables from ConfigMaps and
// Secrets, and keys for decryption. They are read with the rights of the app, and watched.
//
// A Reader keeps no state. It may import agent, access, plan, protocol and internal.
package input
