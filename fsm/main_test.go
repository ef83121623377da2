package fsm_test

import (
	"fmt"
	"os"
	"testing"

	"quorate/fsm/store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	// All the histories of the tests have been lived: nobody may have changed a row that is shared.
	if err := store.CheckKept(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
