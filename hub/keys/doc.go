// Package keys decrypts objects of the repository with age identities that the hub holds. Which key may be used
// for an
// app is said by its project; this package is given their names.
//
// A key is a file NAME.agekey in the folder of the hub's credentials, with age identities as age-keygen writes them.
// Neither a key nor what it decrypts is in a log or an error. Files are read again for every object, so that keys are
// added and taken away while the hub runs. They are read, and objects decrypted, in a process of its own with
// bounds on
// its memory and time, because what is encrypted is written by all who may write to Git.
//
// An object is decrypted as SOPS encrypts it (https://github.com/getsops/sops, README, "Encryption Protocol"; package
// aes). Of the ways to encrypt its data key age alone is known: no PGP, no key management service of a cloud, so that
// nothing is asked of the network. As in Flux, SOPS' message authentication code over the whole file is not checked:
// kustomize changes what stands around the values. Each value is authenticated by itself, together with its place.
//
// It may import filippo.io/age, hub/model and internal.
package keys
