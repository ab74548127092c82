//go:build soak

package main

import "testing"

func TestSoakTwoHundredGroupsAreMadeAndDeletedAndNothingIsLeft(t *testing.T) { comeAndGo(t, 200) }
