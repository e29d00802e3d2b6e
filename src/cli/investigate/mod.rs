//! `holmes-rs investigate`: what is wrong is named by something else than words.

mod several;
