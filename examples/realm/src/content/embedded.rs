//! The copies of the maps and scripts that the program carries along.

/// Name and text of each map.
pub(crate) const MAPS: &[(&str, &str)] = &[
    ("cellar", include_str!("../../maps/cellar.toml")),
    ("garden", include_str!("../../maps/garden.toml")),
    ("meadow", include_str!("../../maps/meadow.toml")),
];

/// Name and text of each script.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    ("door", include_str!("../../scripts/door.rhai")),
    ("egg", include_str!("../../scripts/egg.rhai")),
    ("guide", include_str!("../../scripts/guide.rhai")),
    ("hen", include_str!("../../scripts/hen.rhai")),
    ("slime", include_str!("../../scripts/slime.rhai")),
];
