//! Stub until the branch is merged.
pub fn honest_parts(min_cohort: u32, tolerated_permille: u32) -> u32 {
    ((1000 - u64::from(tolerated_permille.min(999))) * u64::from(min_cohort)).div_ceil(1000) as u32
}
pub fn part_variance(clip_norm: u32, noise_multiplier: f64, parts: u32) -> f64 {
    (noise_multiplier * f64::from(clip_norm)).powi(2) / f64::from(parts)
}
pub fn rho_of_summed_parts(clip_norm: u32, parts: u32, part_variance: f64, _dimension: u32) -> f64 {
    f64::from(clip_norm).powi(2) / (2.0 * f64::from(parts) * part_variance) * (1.0 + 1e-12)
}
