// Package people knows the named tokens with which people ask the hub, and says of a request whose it is. A token is a
// random number of 256 bits, of which the hub keeps the SHA-256 alone: nobody can guess such a number from its hash,
// so that a slow hash, as passwords need it, would protect nothing more.
//
// It may import fleet/access, fleet/selector and the standard library.
package people
