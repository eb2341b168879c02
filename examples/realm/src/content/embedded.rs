//! The copies of the maps and scripts that the program carries along.

/// Name and text of each map.
pub(crate) const MAPS: &[(&str, &str)] = &[
    ("cellar", include_str!("../../maps/cellar.toml")),
    ("garden", include_str!("../../maps/garden.toml")),
    ("meadow", include_str!("../../maps/meadow.toml")),
];
