// Package trust says whose declarations take precedence over whose, and whose objects an app may take values from. It is
// pure, and imports the standard library alone.
package trust
