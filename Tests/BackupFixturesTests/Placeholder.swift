// The tests of the fixtures.
