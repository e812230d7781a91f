//! Tests of the attester.
