//! That only noised vectors leave, held by the compiler and by a reading of the sources.

mod sources;

#[test]
fn only_a_noised_vector_becomes_an_upload() {
    let programs = trybuild::TestCases::new();
    programs.pass("programs/upload_of_noised.rs");
    programs.compile_fail("programs/upload_of_clipped.rs");
}
