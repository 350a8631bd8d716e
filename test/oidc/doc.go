// Package oidc holds the hub against a real identity provider: Dex, in the process of the test.
package oidc
