// Package house holds every file of every module to the rules of the house: documented packages and exports, short files, short
// functions. It has tests only; nothing imports it.
package house
